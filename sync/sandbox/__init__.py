"""A strict stand-in for Attio: a test double that is spoken to over HTTP and imported by nobody else.

Where the API's behaviour is known it is followed to the letter; where it is not, the sandbox takes the stricter side,
so that what passes here passes there.
"""
