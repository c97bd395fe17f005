"""The page on which a person looks at clusters of copies and decides: same, distinct, or later."""
