"""What a study's finished runs amount to: charts, tables and one page. Reads the run store; trains nothing."""
