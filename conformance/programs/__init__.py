"""Programs written once against the API that both sides share.

Each module has a function `programs(api)` that yields pairs of a name and a function
without arguments. What that returns, or raises, is compared.
"""
