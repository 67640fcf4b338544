-- a session's options: those of the configuration, and a restore's own
SET MEM_LIMIT='2g';
SET TIMEZONE='Europe/Berlin';
SET SYNC_DDL=true;
SET ABORT_ON_ERROR=true;
SET DEFAULT_TRANSACTIONAL_TYPE='none';
SET ALL;

-- what the table is
REFRESH `shop`.`iceberg`;
SELECT version();
SHOW CREATE TABLE `shop`.`iceberg`;
DESCRIBE `shop`.`iceberg`;
DESCRIBE FORMATTED `shop`.`iceberg`;
SHOW TABLE STATS `shop`.`iceberg`;

-- capture
SELECT src.`id` AS `v0`, src.`level` AS `v1`, src.`at` AS `v2`, src.`day` AS `v3` FROM `shop`.`iceberg` src ORDER BY src.`id` ASC NULLS FIRST;

-- reading back
SELECT src.`id` AS `v0`, src.`level` AS `v1`, src.`at` AS `v2`, src.`day` AS `v3` FROM `shop`.`iceberg` src;

-- capture by several streams, of one instant
DESCRIBE HISTORY `shop`.`iceberg`;
SELECT src.`id` AS `v0`, src.`level` AS `v1`, src.`at` AS `v2`, src.`day` AS `v3` FROM (SELECT * FROM `shop`.`iceberg` FOR SYSTEM_VERSION AS OF 8744736658442914487) src WHERE src.`id` >= CAST('-9223372036854775808' AS BIGINT) AND (src.`id` IS NULL OR src.`id` < CAST('-9223372036854775808' AS BIGINT)) ORDER BY src.`id` ASC NULLS FIRST;
SELECT count(*) AS `n` FROM `shop`.`iceberg` FOR SYSTEM_VERSION AS OF 8744736658442914487;

-- what the proof relies on
SELECT CAST(murmur_hash('hello') AS STRING), CAST(fnv_hash('hello') AS STRING), CAST(murmur_hash(fnv_hash('hello')) AS STRING), CAST(murmur_hash(CAST(1 AS INT)) AS STRING), CAST(murmur_hash(CAST('1.5E0' AS DOUBLE)) AS STRING), CAST(murmur_hash(CAST('1.5E0' AS FLOAT)) AS STRING), CAST(murmur_hash(CAST('-0E0' AS DOUBLE)) AS STRING), CASE WHEN is_nan(CAST('nan' AS DOUBLE)) THEN 'nan' ELSE 'number' END, CAST(CAST(TRUE AS TINYINT) AS STRING), CAST(CAST('-0.05' AS DECIMAL(4,2)) AS STRING), from_timestamp(CAST('1400-01-01 00:00:00.000000001' AS TIMESTAMP), 'yyyy-MM-dd HH:mm:ss.SSSSSSSSS'), CAST(CAST('0001-01-01' AS DATE) AS STRING), CAST(bytes('é') AS STRING), CAST(bytes('\000') AS STRING), rtrim(CAST(CAST('ab' AS CHAR(4)) AS STRING)), coalesce(concat('0:', CAST(NULL AS STRING)), ''), CAST(sum(`x`) AS STRING) FROM (SELECT 9223372036854775807 AS `x` UNION ALL SELECT 9223372036854775807 AS `x`) two;

-- proof
SELECT count(*), coalesce(sum(murmur_hash(`image`)), 0), coalesce(sum(murmur_hash(fnv_hash(`image`))), 0) FROM (SELECT concat(coalesce(CAST(src.`id` AS STRING), ''), ',', coalesce(concat(CAST(bytes(src.`level`) AS STRING), ':', src.`level`), ''), ',', coalesce(from_timestamp(src.`at`, 'yyyy-MM-dd HH:mm:ss.SSSSSSSSS'), ''), ',', coalesce(CAST(src.`day` AS STRING), ''), ',') AS `image` FROM `shop`.`iceberg_then` src) images;

-- restore: staging
CREATE EXTERNAL TABLE `shop`.`rewind_staging_0123456789abcdef` (`id` BIGINT, `level` STRING, `at` STRING, `day` DATE) STORED AS AVRO LOCATION 'file:///data/staging/rewind-0123456789abcdef' TBLPROPERTIES ('external.table.purge'='FALSE', 'rewind.restore'='1790000000000000');

-- restore: the new table
CREATE TABLE `shop`.`iceberg_then` (`id` BIGINT NOT NULL, `level` STRING, `at` TIMESTAMP, `day` DATE) PARTITIONED BY SPEC (`level`, BUCKET(16, `id`), TRUNCATE(3, `level`), HOUR(`at`)) STORED AS ICEBERG TBLPROPERTIES ('engine.hive.enabled'='true', 'format-version'='2', 'write.format.default'='parquet', 'rewind.restore'='1790000000000000');
SELECT 1 AS `one` FROM `shop`.`iceberg_then` LIMIT 1;

-- restore: rows
INSERT INTO `shop`.`iceberg_then` SELECT src.`id`, src.`level`, CAST(src.`at` AS TIMESTAMP), src.`day` FROM `shop`.`rewind_staging_0123456789abcdef` src;

-- without staging
INSERT INTO `shop`.`iceberg_then` VALUES (CAST('-9223372036854775808' AS BIGINT), 'it\'s \0441 \100p1 \\ \077 \073 \000 é😀', CAST('1400-01-01 00:00:00.000000001' AS TIMESTAMP), CAST('1970-01-02' AS DATE)), (CAST(NULL AS BIGINT), CAST(NULL AS STRING), CAST(NULL AS TIMESTAMP), CAST(NULL AS DATE));

-- statistics
COMPUTE STATS `shop`.`iceberg_then`;

-- clean up
DROP TABLE IF EXISTS `shop`.`rewind_staging_0123456789abcdef`;
DROP TABLE IF EXISTS `shop`.`iceberg_then`;

-- undo where the location turned out to hold somebody's files
ALTER TABLE `shop`.`iceberg_then` SET TBLPROPERTIES ('EXTERNAL'='TRUE', 'external.table.purge'='FALSE');

-- swap
ALTER TABLE `shop`.`iceberg_then` RENAME TO `shop`.`iceberg`;

-- config check, init
SHOW DATABASES;
SHOW TABLES IN `shop`;
SELECT src.`id` AS `v0`, src.`level` AS `v1`, src.`at` AS `v2`, src.`day` AS `v3` FROM `shop`.`iceberg` src LIMIT 0;
SELECT count(*) AS `n` FROM `shop`.`iceberg`;
EXPLAIN INSERT INTO `shop`.`iceberg` (`id`, `level`, `at`, `day`) SELECT src.`id`, src.`level`, src.`at`, src.`day` FROM `shop`.`iceberg` src;
