"""The register of personal data, and the erasure of a person.

`registry` lists every place with personal data; `personal_data.py` of each app adds its own.
`erasure` erases one person in one transaction. `texts` then removes their names from what others
wrote, in batches of rows. `orders` keeps the erasure orders.
"""
