"""As what somebody may sign in: a closed list, so that whoever decides what a role may do has named each."""

from __future__ import annotations

CLINICIAN, PATIENT, PROXY, OPERATOR = "clinician", "patient", "proxy", "operator"
PRIVACY_OFFICER, RESEARCHER, ETHICS_REVIEWER = "privacy-officer", "researcher", "ethics-reviewer"
# A proxy acts for somebody else, as a parent or carer, in a period; an operator runs the server.
ROLES = (CLINICIAN, PATIENT, PROXY, ETHICS_REVIEWER, RESEARCHER, PRIVACY_OFFICER, OPERATOR)
# Whose account names the people in the records whom it is about.
ABOUT_SOMEBODY = (PATIENT, PROXY)

# What somebody wants: the list of those in their care; to see what is held and said of a person; to decide on
# an insight; to say what the person permits; to take the record away; to open what is closed; to open a
# population; to see how models are and do; to see who did what; to keep accounts.
WORKLIST, SEE, DECIDE, CONSENT, EXPORT = "worklist", "see", "decide", "consent", "export"
BREAK, POPULATION, MODELS, AUDIT, ACCOUNTS = "break-glass", "population", "models", "audit", "accounts"
