"""A machine-learning backend for Label Studio: it pre-annotates, and learns from what is corrected.

request -> server (guard, gate, model thread) -> what the labelling config has room for -> answer
webhook -> trainer -> a process of its own: tasks -> run -> compared on dev -> served if better
"""
