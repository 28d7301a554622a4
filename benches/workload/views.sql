-- The tables as the statements read them. Amounts in cents, as 64-bit numbers: sums of decimals
-- would be 128 bits wide. Which month a row belongs to is in its folder's name.
SET TimeZone = 'UTC';
SET preserve_insertion_order = false;
SET parquet_metadata_cache = true;
CREATE VIEW ledger AS
SELECT * EXCLUDE (amount), (amount * 100)::BIGINT AS cents
FROM read_parquet('$warehouse/mrr_movements/*/*.parquet', hive_partitioning = true);
CREATE VIEW snapshots AS
SELECT customer_id, month, (mrr * 100)::BIGINT AS cents
FROM read_parquet('$warehouse/subscription_months/*/*.parquet', hive_partitioning = false);
CREATE VIEW order_lines AS
SELECT * FROM read_parquet('$warehouse/order_lines/*/*.parquet', hive_partitioning = true);
CREATE VIEW customers AS SELECT * FROM read_parquet('$warehouse/customers/*.parquet');
CREATE VIEW products AS SELECT * FROM read_parquet('$warehouse/products/*.parquet');
CREATE VIEW csm_assignments AS SELECT * FROM read_parquet('$warehouse/csm_assignments/*.parquet')
