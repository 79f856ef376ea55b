-- How the two sides of a binding stand in each other's rosters, where somebody said so for that binding.

-- low_*: how low's roster shows high; high_*: how high's roster shows low. Null: as the account and the configuration say.
alter table bindings
    add column low_nickname  text,
    add column low_groups    text[],
    add column high_nickname text,
    add column high_groups   text[];
