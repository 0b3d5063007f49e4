"""What people and programs read of the database; nothing here changes anything."""
