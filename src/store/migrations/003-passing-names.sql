-- Pulled images bear such names too.
ALTER TABLE push_names RENAME TO passing_names;
