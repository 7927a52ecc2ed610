"""Learning: tasks, features, fit, calibrate, explain, measure, be fair.

It reads core nouns and gated columns, and knows no file format. What is learnt is data: an additive model in
one JSON file that plain Python scores exactly (`salus.learning.score`), with no heavy library beside it.
"""
