COLUMNS = ("id", "score")
