"""Tables: records and facts of a case as Parquet, derived outside the case, rebuilt at will, queried under lock."""
