"""Models behind a URL: an HTTP server whose requests share batches, and a page to try it on.

request -> guard -> route -> gate -> job -> model thread (`Extractor`) -> answer
"""
