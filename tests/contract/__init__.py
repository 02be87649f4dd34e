"""The providers' official API descriptions as judges of our requests and of our fakes' answers."""
