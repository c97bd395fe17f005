"""The thin Python side of attio-canon: read the marts, plan, push to Attio, remember."""
