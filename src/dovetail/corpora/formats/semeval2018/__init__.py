"""SemEval-2018 task 7: reader and writer."""
