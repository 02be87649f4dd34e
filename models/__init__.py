"""The truth: tables, words, rules, operations and queries. Knows no Slack, web, queue or network."""
