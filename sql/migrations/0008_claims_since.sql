-- Claim codes are void when their maker's way in was taken from somebody: a password was reset or changed, the account banned.

alter table accounts add column claims_since timestamptz; -- codes of before count for nothing; null: all that were made are good
