-- a session's options: those of the configuration, and a restore's own
SET MEM_LIMIT='2g';
SET TIMEZONE='Europe/Berlin';
SET SYNC_DDL=true;
SET ABORT_ON_ERROR=true;
SET DEFAULT_TRANSACTIONAL_TYPE='none';
SET ALL;

-- what the table is
REFRESH `shop`.`kudu`;
SELECT version();
SHOW CREATE TABLE `shop`.`kudu`;
DESCRIBE `shop`.`kudu`;
DESCRIBE FORMATTED `shop`.`kudu`;
SHOW TABLE STATS `shop`.`kudu`;

-- Kudu tables only
SHOW RANGE PARTITIONS `shop`.`kudu`;

-- capture
SELECT src.`host` AS `v0`, src.`at` AS `v1`, src.`metric` AS `v2`, src.`note` AS `v3` FROM `shop`.`kudu` src ORDER BY src.`host` ASC NULLS FIRST, src.`at` ASC NULLS FIRST;

-- reading back
SELECT src.`host` AS `v0`, src.`at` AS `v1`, src.`metric` AS `v2`, src.`note` AS `v3` FROM `shop`.`kudu` src;

-- capture by several streams, of one instant
SELECT utc_timestamp();
SET KUDU_READ_MODE='READ_AT_SNAPSHOT';
SET KUDU_SNAPSHOT_READ_TIMESTAMP_MICROS=1790000000000000;
SELECT src.`host` AS `v0`, src.`at` AS `v1`, src.`metric` AS `v2`, src.`note` AS `v3` FROM `shop`.`kudu` src WHERE (src.`host` > 'it\'s \0441 \100p1 \\ \077 \073 \000 é😀' OR src.`host` = 'it\'s \0441 \100p1 \\ \077 \073 \000 é😀' AND src.`at` >= CAST('1400-01-01 00:00:00.000000001' AS TIMESTAMP)) AND src.`host` >= 'it\'s \0441 \100p1 \\ \077 \073 \000 é😀' AND (src.`host` IS NULL OR src.`host` < 'it\'s \0441 \100p1 \\ \077 \073 \000 é😀' OR src.`host` = 'it\'s \0441 \100p1 \\ \077 \073 \000 é😀' AND (src.`at` IS NULL OR src.`at` < CAST('1400-01-01 00:00:00.000000001' AS TIMESTAMP))) ORDER BY src.`host` ASC NULLS FIRST, src.`at` ASC NULLS FIRST;
SELECT count(*) AS `n` FROM `shop`.`kudu`;

-- what the proof relies on
SELECT CAST(murmur_hash('hello') AS STRING), CAST(fnv_hash('hello') AS STRING), CAST(murmur_hash(fnv_hash('hello')) AS STRING), CAST(murmur_hash(CAST(1 AS INT)) AS STRING), CAST(murmur_hash(CAST('1.5E0' AS DOUBLE)) AS STRING), CAST(murmur_hash(CAST('1.5E0' AS FLOAT)) AS STRING), CAST(murmur_hash(CAST('-0E0' AS DOUBLE)) AS STRING), CASE WHEN is_nan(CAST('nan' AS DOUBLE)) THEN 'nan' ELSE 'number' END, CAST(CAST(TRUE AS TINYINT) AS STRING), CAST(CAST('-0.05' AS DECIMAL(4,2)) AS STRING), from_timestamp(CAST('1400-01-01 00:00:00.000000001' AS TIMESTAMP), 'yyyy-MM-dd HH:mm:ss.SSSSSSSSS'), CAST(CAST('0001-01-01' AS DATE) AS STRING), CAST(bytes('é') AS STRING), CAST(bytes('\000') AS STRING), rtrim(CAST(CAST('ab' AS CHAR(4)) AS STRING)), coalesce(concat('0:', CAST(NULL AS STRING)), ''), CAST(sum(`x`) AS STRING) FROM (SELECT 9223372036854775807 AS `x` UNION ALL SELECT 9223372036854775807 AS `x`) two;

-- proof
SELECT count(*), coalesce(sum(murmur_hash(`image`)), 0), coalesce(sum(murmur_hash(fnv_hash(`image`))), 0) FROM (SELECT concat(coalesce(concat(CAST(bytes(src.`host`) AS STRING), ':', src.`host`), ''), ',', coalesce(from_timestamp(src.`at`, 'yyyy-MM-dd HH:mm:ss.SSSSSSSSS'), ''), ',', coalesce(CASE WHEN is_nan(src.`metric`) THEN 'nan' ELSE CAST(murmur_hash(src.`metric`) AS STRING) END, ''), ',', coalesce(concat(CAST(bytes(src.`note`) AS STRING), ':', src.`note`), ''), ',') AS `image` FROM `shop`.`kudu_then` src) images;

-- restore: staging
CREATE EXTERNAL TABLE `shop`.`rewind_staging_0123456789abcdef` (`host` STRING, `at` STRING, `metric` DOUBLE, `note` STRING) STORED AS AVRO LOCATION 'file:///data/staging/rewind-0123456789abcdef' TBLPROPERTIES ('external.table.purge'='FALSE', 'rewind.restore'='1790000000000000');

-- restore: the new table
CREATE TABLE `shop`.`kudu_then` (`host` STRING NOT NULL ENCODING DICT_ENCODING COMPRESSION LZ4, `at` TIMESTAMP NOT NULL, `metric` DOUBLE NOT NULL DEFAULT -1.5, `note` STRING DEFAULT 'none' COMMENT 'free text', PRIMARY KEY (`host`, `at`)) PARTITION BY HASH (`host`) PARTITIONS 4, RANGE (`at`) (PARTITION VALUES < CAST('2024-01-01 00:00:00.000000' AS TIMESTAMP), PARTITION CAST('2024-01-01 00:00:00.000000' AS TIMESTAMP) <= VALUES < CAST('2025-01-01 00:00:00.000000' AS TIMESTAMP)) STORED AS KUDU TBLPROPERTIES ('kudu.master_addresses'='kudu-1:7051', 'kudu.num_tablet_replicas'='3', 'rewind.restore'='1790000000000000');
SELECT 1 AS `one` FROM `shop`.`kudu_then` LIMIT 1;

-- restore: rows
INSERT INTO `shop`.`kudu_then` SELECT src.`host`, CAST(src.`at` AS TIMESTAMP), src.`metric`, src.`note` FROM `shop`.`rewind_staging_0123456789abcdef` src;

-- without staging
INSERT INTO `shop`.`kudu_then` VALUES ('it\'s \0441 \100p1 \\ \077 \073 \000 é😀', CAST('1400-01-01 00:00:00.000000001' AS TIMESTAMP), CAST('-0E+00' AS DOUBLE), 'it\'s \0441 \100p1 \\ \077 \073 \000 é😀'), (CAST(NULL AS STRING), CAST(NULL AS TIMESTAMP), CAST(NULL AS DOUBLE), CAST(NULL AS STRING));

-- statistics
COMPUTE STATS `shop`.`kudu_then`;

-- clean up
DROP TABLE IF EXISTS `shop`.`rewind_staging_0123456789abcdef`;
DROP TABLE IF EXISTS `shop`.`kudu_then`;

-- swap
ALTER TABLE `shop`.`kudu_then` RENAME TO `shop`.`kudu`;

-- config check, init
SHOW DATABASES;
SHOW TABLES IN `shop`;
SELECT src.`host` AS `v0`, src.`at` AS `v1`, src.`metric` AS `v2`, src.`note` AS `v3` FROM `shop`.`kudu` src LIMIT 0;
SELECT count(*) AS `n` FROM `shop`.`kudu`;
EXPLAIN INSERT INTO `shop`.`kudu` (`host`, `at`, `metric`, `note`) SELECT src.`host`, src.`at`, src.`metric`, src.`note` FROM `shop`.`kudu` src;
