"""Advice: which way of sharing fits a corpus, from other corpora and from short trainings.

facts        what is in the corpora
candidates   ways of sharing, each with when it applies and why it might help
pilots       short trainings of the candidates, scored on dev sentences
agreement    whether the tasks pull shared layers into the same direction
known        gains on other corpora, a file of the package
posterior    what is to be expected of a candidate after both
advice       all of it, as a generator of events
"""
