"""What may happen to this patient, and what is so now: by published scores and equations.

Standards: RCP NEWS2 2017, AHA PREVENT 2023, FINDRISC 2003, CKD-EPI 2021 with KDIGO 2024 and the KFRE,
ESC 2024 CHA2DS2-VA. Limits: each model's card; nothing here is fitted to a site's own patients.
A file whose name starts with ``_`` holds what several models share and is no model.
"""
