"""What the tests share: a server to talk to, a raw SMTP client, a place of one's own, results as TAP."""
