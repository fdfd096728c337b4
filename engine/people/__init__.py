"""Identity of people: accounts, passwords, tokens, proven addresses, mailed links."""
