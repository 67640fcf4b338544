-- a session's options: those of the configuration, and a restore's own
SET MEM_LIMIT='2g';
SET TIMEZONE='Europe/Berlin';
SET SYNC_DDL=true;
SET ABORT_ON_ERROR=true;
SET DEFAULT_TRANSACTIONAL_TYPE='none';
SET ALL;

-- what the table is
REFRESH `shop`.`partitioned`;
SELECT version();
SHOW CREATE TABLE `shop`.`partitioned`;
DESCRIBE `shop`.`partitioned`;
DESCRIBE FORMATTED `shop`.`partitioned`;
SHOW TABLE STATS `shop`.`partitioned`;

-- capture
SELECT src.`id` AS `v0`, src.`note` AS `v1`, src.`year` AS `v2`, src.`month` AS `v3` FROM `shop`.`partitioned` src ORDER BY src.`id` ASC NULLS FIRST, src.`year` ASC NULLS FIRST;

-- reading back
SELECT src.`id` AS `v0`, src.`note` AS `v1`, src.`year` AS `v2`, src.`month` AS `v3` FROM `shop`.`partitioned` src;

-- what the proof relies on
SELECT CAST(murmur_hash('hello') AS STRING), CAST(fnv_hash('hello') AS STRING), CAST(murmur_hash(fnv_hash('hello')) AS STRING), CAST(murmur_hash(CAST(1 AS INT)) AS STRING), CAST(murmur_hash(CAST('1.5E0' AS DOUBLE)) AS STRING), CAST(murmur_hash(CAST('1.5E0' AS FLOAT)) AS STRING), CAST(murmur_hash(CAST('-0E0' AS DOUBLE)) AS STRING), CASE WHEN is_nan(CAST('nan' AS DOUBLE)) THEN 'nan' ELSE 'number' END, CAST(CAST(TRUE AS TINYINT) AS STRING), CAST(CAST('-0.05' AS DECIMAL(4,2)) AS STRING), from_timestamp(CAST('1400-01-01 00:00:00.000000001' AS TIMESTAMP), 'yyyy-MM-dd HH:mm:ss.SSSSSSSSS'), CAST(CAST('0001-01-01' AS DATE) AS STRING), CAST(bytes('é') AS STRING), CAST(bytes('\000') AS STRING), rtrim(CAST(CAST('ab' AS CHAR(4)) AS STRING)), coalesce(concat('0:', CAST(NULL AS STRING)), ''), CAST(sum(`x`) AS STRING) FROM (SELECT 9223372036854775807 AS `x` UNION ALL SELECT 9223372036854775807 AS `x`) two;

-- proof
SELECT count(*), coalesce(sum(murmur_hash(`image`)), 0), coalesce(sum(murmur_hash(fnv_hash(`image`))), 0) FROM (SELECT concat(coalesce(CAST(src.`id` AS STRING), ''), ',', coalesce(concat(CAST(bytes(CAST(src.`note` AS STRING)) AS STRING), ':', CAST(src.`note` AS STRING)), ''), ',', coalesce(CAST(src.`year` AS STRING), ''), ',', coalesce(CAST(src.`month` AS STRING), ''), ',') AS `image` FROM `shop`.`partitioned_then` src) images;

-- restore: staging
CREATE EXTERNAL TABLE `shop`.`rewind_staging_0123456789abcdef` (`id` BIGINT, `note` STRING, `year` INT, `month` INT) STORED AS AVRO LOCATION 'file:///data/staging/rewind-0123456789abcdef' TBLPROPERTIES ('external.table.purge'='FALSE', 'rewind.restore'='1790000000000000');

-- restore: the new table
CREATE TABLE `shop`.`partitioned_then` (`id` BIGINT, `note` VARCHAR(40) COMMENT 'what was said', PRIMARY KEY (`id`)) PARTITIONED BY (`year` INT, `month` TINYINT COMMENT '1 to 12') STORED AS PARQUET TBLPROPERTIES ('owner.team'='sales', 'rewind.restore'='1790000000000000');
SELECT 1 AS `one` FROM `shop`.`partitioned_then` LIMIT 1;

-- restore: rows
INSERT INTO `shop`.`partitioned_then` PARTITION (`year`, `month`) SELECT src.`id`, CAST(src.`note` AS VARCHAR(40)), src.`year`, CAST(src.`month` AS TINYINT) FROM `shop`.`rewind_staging_0123456789abcdef` src;

-- without staging
INSERT INTO `shop`.`partitioned_then` PARTITION (`year`, `month`) VALUES (CAST('-9223372036854775808' AS BIGINT), CAST('it\'s \0441 \100p1 \\ \077 \073 \000 é😀' AS VARCHAR(40)), CAST(1 AS INT), CAST(1 AS TINYINT)), (CAST(NULL AS BIGINT), CAST(NULL AS VARCHAR(40)), CAST(NULL AS INT), CAST(NULL AS TINYINT));

-- statistics
COMPUTE STATS `shop`.`partitioned_then`;

-- clean up
DROP TABLE IF EXISTS `shop`.`rewind_staging_0123456789abcdef`;
DROP TABLE IF EXISTS `shop`.`partitioned_then`;

-- undo where the location turned out to hold somebody's files
ALTER TABLE `shop`.`partitioned_then` SET TBLPROPERTIES ('EXTERNAL'='TRUE', 'external.table.purge'='FALSE');

-- swap
ALTER TABLE `shop`.`partitioned_then` RENAME TO `shop`.`partitioned`;

-- config check, init
SHOW DATABASES;
SHOW TABLES IN `shop`;
SELECT src.`id` AS `v0`, src.`note` AS `v1`, src.`year` AS `v2`, src.`month` AS `v3` FROM `shop`.`partitioned` src LIMIT 0;
SELECT count(*) AS `n` FROM `shop`.`partitioned`;
EXPLAIN INSERT INTO `shop`.`partitioned` (`id`, `note`) PARTITION (`year`, `month`) SELECT src.`id`, src.`note`, src.`year`, src.`month` FROM `shop`.`partitioned` src;
