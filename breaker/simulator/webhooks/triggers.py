"""The trigger types that a destination can be made for (SPEC `trigger_types`, and what came after it)."""

from __future__ import annotations

DELIVERY_TRIGGERS = frozenset(
    f"{family}.{outcome}"
    for family in ("message", "message.transactional")
    for outcome in ("delivered", "bounced", "complaint", "rejected")
)

TRIGGERS = DELIVERY_TRIGGERS | frozenset(
    [
        "alert.triggered",
        "calendar.created",
        "calendar.updated",
        "calendar.deleted",
        "event.created",
        "event.updated",
        "event.deleted",
        "grant.created",
        "grant.updated",
        "grant.deleted",
        "grant.expired",
        "grant.imap_sync_completed",
        "message.send_success",
        "message.send_failed",
        "message.bounce_detected",
        "message.created",
        "message.created.cleaned",
        "message.updated",
        "message.deleted",
        "message.opened",
        "message.opened.legacy",
        "message.link_clicked",
        "message.link_clicked.legacy",
        "thread.replied",
        "thread.replied.legacy",
        "contact.updated",
        "contact.deleted",
        "folder.created",
        "folder.updated",
        "folder.deleted",
        "booking.created",
        "booking.pending",
        "booking.rescheduled",
        "booking.cancelled",
        "booking.reminder",
        "notetaker.created",
        "notetaker.updated",
        "notetaker.deleted",
        "notetaker.meeting_state",
        "notetaker.media",
    ]
)
