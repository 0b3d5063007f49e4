"""The platform and fleets, simulated; nothing in flows or domain knows it.

    simulation.py   a fleet on the platform, on one clock, moved by one driver
    alone.py        the platform by itself, live or into a record
    fleets/         who writes to whom, what goes wrong, and the truth about it
    mail/           the wide world: what becomes of messages, when, in whose words
    platform.py     applications, their API and the delivery of their notifications
    api/            how it is asked, one file per resource
    control/        how its world is told what to do
    webhooks/       notifications: what they say, how they are signed and tried again
    enforcement.py  how the platform judges its senders
    state/          what an application has

README.md beside this file says what is modelled, from which source, and what is not known.
"""
