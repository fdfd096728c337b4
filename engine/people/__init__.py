"""Who somebody is: accounts, passwords, tokens, proven addresses, mailed links."""
