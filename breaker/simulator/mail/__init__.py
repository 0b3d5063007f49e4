"""Mail in the wide world: who receives it, what becomes of it, when, and in whose words."""
