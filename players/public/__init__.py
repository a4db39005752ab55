"""What everybody may read. Each question is a function or a view of the schema `portal`.

The portal's database role asks the same ones, so the API and the database give one answer.
"""
