from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.domain.outcomes.bounces import classify, enhanced_status, without_addresses
from breaker.domain.outcomes.outcomes import BounceClass

UNKNOWN = BounceClass.UNKNOWN_RECIPIENT
FULL = BounceClass.MAILBOX_FULL
CONTENT = BounceClass.CONTENT_OR_SIZE
POLICY = BounceClass.POLICY
SUPPRESSED = BounceClass.SUPPRESSED
TRANSIENT = BounceClass.TRANSIENT
UNDETERMINED = BounceClass.UNDETERMINED

# What servers of these makes answer, with codes as they are and sentences put in our own words where they are long.
DIAGNOSTICS = [
    # Gmail
    ("smtp; 550-5.1.1 The email account that you tried to reach does not exist. 550 5.1.1 gsmtp", UNKNOWN),
    ("smtp; 550-5.2.1 The email account that you tried to reach is inactive. 550 5.2.1 gsmtp", UNKNOWN),
    ("smtp; 552-5.2.2 The recipient's inbox is out of storage space. 552 5.2.2 gsmtp", FULL),
    ("smtp; 452-4.2.2 The recipient's inbox is out of storage space. Try later. 452 4.2.2 gsmtp", FULL),
    ("smtp; 550-5.7.26 This mail has been blocked because the sender is unauthenticated. gsmtp", POLICY),
    ("smtp; 550-5.7.1 [192.0.2.7] Our system detected that this message is likely unsolicited mail. gsmtp", POLICY),
    ("smtp; 550-5.7.1 The IP you're using to send mail is not authorized to send email directly. gsmtp", POLICY),
    (
        "smtp; 421-4.7.0 This message is suspicious due to the very low reputation of the sending domain. gsmtp",
        TRANSIENT,
    ),
    (
        "smtp; 450-4.2.1 The user you are trying to contact is receiving mail at a rate that is too high. gsmtp",
        TRANSIENT,
    ),
    ("smtp; 552-5.7.0 This message was blocked because its content presents a potential security issue.", POLICY),
    ("smtp; 552-5.3.4 Your message exceeded the largest size that is accepted. gsmtp", CONTENT),
    # Outlook.com and Exchange Online
    ("smtp; 550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).", UNKNOWN),
    ("smtp; 550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", UNKNOWN),
    ("smtp; 550 5.4.1 Recipient address rejected: Access denied. [BN8NAM11FT012.eop-nam11.prod]", UNKNOWN),
    ("smtp; 554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException", FULL),
    (
        "smtp; 550 5.7.1 Messages from [192.0.2.7] weren't sent: part of their network is on our block list (S3150).",
        POLICY,
    ),
    (
        "smtp; 550 5.7.515 Access denied, sending domain example.com doesn't meet the required authentication level.",
        POLICY,
    ),
    ("smtp; 550 5.7.509 Access denied, sending domain example.com does not pass DMARC verification", POLICY),
    ("smtp; 550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP.", POLICY),
    ("smtp; 550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required", POLICY),
    ("smtp; 451 4.7.500 Server busy. Please try again later from [192.0.2.7].", TRANSIENT),
    ("smtp; 550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient", CONTENT),
    ("smtp; 550 5.1.8 Access denied, bad outbound sender", POLICY),
    ("smtp; 550 5.7.1 RESOLVER.RST.NotAuthorized; not authorized", POLICY),
    # Yahoo and AOL
    (
        "smtp; 554 delivery error: dd This user doesn't have a yahoo.com account (someone@yahoo.com) [0] - mta1234",
        UNKNOWN,
    ),
    (
        "smtp; 554 30 Sorry, your message to someone@yahoo.com cannot be delivered. This mailbox is disabled (554.30).",
        UNKNOWN,
    ),
    ("smtp; 552 1 Requested mail action aborted, mailbox not found", UNKNOWN),
    ("smtp; 421 4.7.0 [TSS04] Messages from 192.0.2.7 temporarily deferred due to user complaints", TRANSIENT),
    ("smtp; 553 5.7.2 [TSS09] All messages from 192.0.2.7 will be permanently deferred", POLICY),
    ("smtp; 554 5.7.9 Message not accepted for policy reasons.", POLICY),
    # iCloud
    ("smtp; 550 5.1.1 unknown or illegal alias", UNKNOWN),
    ("smtp; 552 5.2.2 User is over the quota", FULL),
    ("smtp; 554 5.7.1 [HM08] Message rejected due to local policy.", POLICY),
    # Postfix
    ("smtp; 550 5.1.1 <jane@example.org>: Recipient address rejected: User unknown in local recipient table", UNKNOWN),
    ("smtp; 550 5.1.1 <jane@example.org>: Recipient address rejected: User unknown in virtual mailbox table", UNKNOWN),
    (
        "smtp; 450 4.2.0 <jane@example.org>: Recipient address rejected: Greylisted, see the postmaster's page",
        TRANSIENT,
    ),
    ("smtp; 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org", POLICY),
    ("smtp; 552 5.3.4 Message size exceeds fixed limit", CONTENT),
    ("smtp; 554 5.7.1 <jane@example.org>: Relay access denied", POLICY),
    ("smtp; 450 4.1.1 <jane@example.org>: Recipient address rejected: unverified address", TRANSIENT),
    ("smtp; 550 5.1.2 <jane@nowhere.example>: Recipient address rejected: Domain not found", UNKNOWN),
    ("smtp; 550 5.1.8 <agent@agents.example>: Sender address rejected: Domain not found", POLICY),
    # Exim
    ("smtp; 550 Unrouteable address", UNKNOWN),
    ("smtp; 550 No such user here", UNKNOWN),
    ("smtp; 550 JunkMail rejected - mail.example.com [192.0.2.7] is in an RBL", POLICY),
    ("smtp; 451 Temporary local problem - please try later", TRANSIENT),
    ("smtp; 552 Mailbox quota exceeded for this recipient", FULL),
    ("smtp; 550 Administrative prohibition", POLICY),
    # Dovecot, Cyrus, qmail, Sendmail
    ("smtp; 552 5.2.2 <jane@example.org> Quota exceeded (mailbox for user is full)", FULL),
    ("smtp; 550-Mailbox unknown. Either there is no mailbox associated with this name", UNKNOWN),
    ("smtp; 553 sorry, no mailbox here by that name. (#5.7.1)", UNKNOWN),
    ("smtp; 550 5.1.1 jane@example.org... User unknown", UNKNOWN),
    ("smtp; 551 5.7.1 user not local; please try another path", POLICY),
    # Gateways: Proofpoint, Mimecast, Barracuda, Cisco, Symantec
    ("smtp; 550 5.1.1 User Unknown", UNKNOWN),
    ("smtp; 554 5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.7", POLICY),
    ("smtp; 550 Rejected by header based anti-spoofing policy: example.com", POLICY),
    ("smtp; 550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550", UNKNOWN),
    ("smtp; 554 Email rejected due to security policies - MCSpamSignature.x.0", POLICY),
    (
        "smtp; 451 Internal resource temporarily unavailable - https://community.mimecast.com/docs/DOC-1369#451",
        TRANSIENT,
    ),
    ("smtp; 550 permanent failure for one or more recipients (jane@example.org:blocked)", POLICY),
    ("smtp; 550 #5.1.0 Address rejected.", UNKNOWN),
    ("smtp; 553-Message filtered. Refer to the troubleshooting page of your provider (#5.7.1)", POLICY),
    ("smtp; 550 5.7.350 Remote server returned message detected as spam -> 554 5.7.1 spam", POLICY),
    # The transport's own
    (
        "Amazon SES did not send the message to this address because it is on the suppression list for your account.",
        SUPPRESSED,
    ),
    (
        "smtp; 550 5.1.1 Amazon SES has suppressed sending to this address: it bounced within the last 14 days",
        SUPPRESSED,
    ),
    (
        "smtp; 550 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.1 Failed to establish connection>",
        TRANSIENT,
    ),
    ("smtp; 550 5.4.4 Host not found (DNS NXDOMAIN)", UNKNOWN),
    ("smtp; 556 5.1.10 Recipient address has null MX", UNKNOWN),
    ("smtp; 554 5.6.0 Attachment type is not permitted", CONTENT),
    ("smtp; 554 5.7.1 Message contains a virus", CONTENT),
    # Nothing that tells
    ("smtp; 550 Requested action not taken", UNDETERMINED),
    ("smtp; 554 Transaction failed", UNDETERMINED),
    ("550 5.0.0", UNDETERMINED),
]


@pytest.mark.parametrize(("diagnostic", "expected"), DIAGNOSTICS)
def test_the_diagnostic_text_of_a_real_server_is_read(diagnostic: str, expected: BounceClass) -> None:
    assert classify(diagnostic, "General") is expected


@pytest.mark.parametrize(
    ("bounce_type", "expected"),
    [
        ("NoEmail", UNKNOWN),
        ("MailboxFull", FULL),
        ("mailboxfull", FULL),
        (" MailboxFull ", FULL),
        ("MessageTooLarge", CONTENT),
        ("ContentRejected", CONTENT),
        ("AttachmentRejected", CONTENT),
        ("Suppressed", SUPPRESSED),
        ("OnAccountSuppressionList", SUPPRESSED),
        ("General", UNDETERMINED),
        ("Undetermined", UNDETERMINED),
        ("SomethingNew", UNDETERMINED),
        ("", UNDETERMINED),
        (None, UNDETERMINED),
    ],
)
@pytest.mark.parametrize("diagnostic", [None, "", "smtp; 550 Requested action not taken"])
def test_the_type_tells_where_the_text_does_not(
    diagnostic: str | None, bounce_type: str | None, expected: BounceClass
) -> None:
    assert classify(diagnostic, bounce_type) is expected


def test_the_text_is_believed_before_the_type() -> None:
    assert classify("smtp; 550 user unknown", "MailboxFull") is UNKNOWN
    assert classify("smtp; 552 5.2.2 mailbox is full", "NoEmail") is FULL


@given(st.text(max_size=3000), st.none() | st.text(max_size=30))
def test_any_text_at_all_has_a_class(diagnostic: str, bounce_type: str | None) -> None:
    assert classify(diagnostic, bounce_type) in BounceClass


@pytest.mark.parametrize(
    ("diagnostic", "expected"),
    [
        ("smtp; 550 5.1.1 user unknown", "5.1.1"),
        ("smtp; 550-5.7.26 unauthenticated. 550 5.7.1", "5.7.26"),
        ("smtp; 550 #5.1.0 Address rejected", "5.1.0"),
        ("smtp; 550 refused, you are 192.0.2.7", None),
        ("smtp; 550 refused by server 10.5.1.1.example", None),
        ("smtp; 550 user unknown", None),
        ("", None),
        (None, None),
    ],
)
def test_the_first_enhanced_status_is_found(diagnostic: str | None, expected: str | None) -> None:
    assert enhanced_status(diagnostic) == expected


@pytest.mark.parametrize(
    ("diagnostic", "kept"),
    [
        (
            "smtp; 550 5.1.1 <Jane.Doe@Example.org>: Recipient address rejected",
            "smtp; 550 5.1.1 <<address>>: Recipient address rejected",
        ),
        ("550 5.1.1 jane.doe: no such user", "550 5.1.1 <address>: no such user"),
        ("550 JANE.DOE is not here", "550 <address> is not here"),
        ("550 sent by bounces+jane.doe=example.org@agents.example", "550 sent by <address>"),
        ("550 mailto:jane.doe@example.org?subject=x", "550 mailto:<address>"),
        ("550 other people: a@b.example, c@d.example", "550 other people: <address>, <address>"),
        ("550 user\tunknown\r\nreally\x00", "550 user unknown  really "),
    ],
)
def test_addresses_are_removed_from_stored_text(diagnostic: str, kept: str) -> None:
    assert without_addresses(diagnostic, "jane.doe@example.org") == kept


words = st.text(st.characters(codec="ascii", exclude_characters="@"), max_size=300)


@given(words, words, st.sampled_from(["jane.doe@example.org", "o'neil+news@example.org", "müller@exämple.org"]))
def test_no_stored_text_holds_the_recipient(before: str, after: str, recipient: str) -> None:
    stored = without_addresses(f"{before} {recipient.upper()} {after} {recipient}", recipient)

    assert recipient not in stored.lower()
    assert stored.isprintable()
    assert len(stored) <= 500


@pytest.mark.parametrize("cut_after", range(1, 20))
def test_an_address_that_the_limit_cuts_through_is_removed_too(cut_after: int) -> None:
    # Many long addresses become short, so what is cut off far behind comes near.
    lines = "".join(f"{'x' * 80}{number:03}@example.net " for number in range(20))
    text = f"{lines}{'y' * (1999 - len(lines) - cut_after)} secret.person@example.net"

    stored = without_addresses(text, "jane.doe@example.org")

    assert "y" in stored
    assert "s" not in stored.replace("<address>", "")


def test_of_one_endless_word_nothing_is_kept() -> None:
    assert not without_addresses("a" * 1995 + "secret.person@example.net", "jane.doe@example.org")
