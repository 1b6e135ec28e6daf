"""How what was decided reaches people: by folder, e-mail and webhook, at least once, under one id."""
