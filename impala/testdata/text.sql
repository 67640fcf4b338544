-- a session's options: those of the configuration, and a restore's own
SET MEM_LIMIT='2g';
SET TIMEZONE='Europe/Berlin';
SET SYNC_DDL=true;
SET ABORT_ON_ERROR=true;
SET DEFAULT_TRANSACTIONAL_TYPE='none';
SET ALL;

-- what the table is
REFRESH `shop`.`text`;
SELECT version();
SHOW CREATE TABLE `shop`.`text`;
DESCRIBE `shop`.`text`;
DESCRIBE FORMATTED `shop`.`text`;
SHOW TABLE STATS `shop`.`text`;

-- capture
SELECT src.`id` AS `v0`, src.`name` AS `v1`, src.`1st-é` AS `v2` FROM `shop`.`text` src ORDER BY src.`id` ASC NULLS FIRST;

-- reading back
SELECT src.`id` AS `v0`, src.`name` AS `v1`, src.`1st-é` AS `v2` FROM `shop`.`text` src;

-- what the proof relies on
SELECT CAST(murmur_hash('hello') AS STRING), CAST(fnv_hash('hello') AS STRING), CAST(murmur_hash(fnv_hash('hello')) AS STRING), CAST(murmur_hash(CAST(1 AS INT)) AS STRING), CAST(murmur_hash(CAST('1.5E0' AS DOUBLE)) AS STRING), CAST(murmur_hash(CAST('1.5E0' AS FLOAT)) AS STRING), CAST(murmur_hash(CAST('-0E0' AS DOUBLE)) AS STRING), CASE WHEN is_nan(CAST('nan' AS DOUBLE)) THEN 'nan' ELSE 'number' END, CAST(CAST(TRUE AS TINYINT) AS STRING), CAST(CAST('-0.05' AS DECIMAL(4,2)) AS STRING), from_timestamp(CAST('1400-01-01 00:00:00.000000001' AS TIMESTAMP), 'yyyy-MM-dd HH:mm:ss.SSSSSSSSS'), CAST(CAST('0001-01-01' AS DATE) AS STRING), CAST(bytes('é') AS STRING), CAST(bytes('\000') AS STRING), rtrim(CAST(CAST('ab' AS CHAR(4)) AS STRING)), coalesce(concat('0:', CAST(NULL AS STRING)), ''), CAST(sum(`x`) AS STRING) FROM (SELECT 9223372036854775807 AS `x` UNION ALL SELECT 9223372036854775807 AS `x`) two;

-- proof
SELECT count(*), coalesce(sum(murmur_hash(`image`)), 0), coalesce(sum(murmur_hash(fnv_hash(`image`))), 0) FROM (SELECT concat(coalesce(CAST(src.`id` AS STRING), ''), ',', coalesce(concat(CAST(bytes(src.`name`) AS STRING), ':', src.`name`), ''), ',', coalesce(concat(CAST(bytes(src.`1st-é`) AS STRING), ':', src.`1st-é`), ''), ',') AS `image` FROM `shop`.`text_then` src) images;

-- restore: staging
CREATE EXTERNAL TABLE `shop`.`rewind_staging_0123456789abcdef` (`id` INT, `name` STRING, `x__1st_2d_c3_a9` STRING) STORED AS AVRO LOCATION 'file:///data/staging/rewind-0123456789abcdef' TBLPROPERTIES ('external.table.purge'='FALSE', 'rewind.restore'='1790000000000000');

-- restore: the new table
CREATE TABLE `shop`.`text_then` (`id` INT, `name` STRING COMMENT 'a \\ in it', `1st-é` STRING) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\001' ESCAPED BY '\\' LINES TERMINATED BY '\n' WITH SERDEPROPERTIES ('escape.delim'='\\', 'field.delim'='\001', 'line.delim'='\n', 'serialization.format'='\001') STORED AS TEXTFILE TBLPROPERTIES ('serialization.null.format'='\\N', 'rewind.restore'='1790000000000000');
SELECT 1 AS `one` FROM `shop`.`text_then` LIMIT 1;

-- restore: rows
INSERT INTO `shop`.`text_then` SELECT src.`id`, src.`name`, src.`x__1st_2d_c3_a9` FROM `shop`.`rewind_staging_0123456789abcdef` src;

-- without staging
INSERT INTO `shop`.`text_then` VALUES (CAST(1 AS INT), 'it\'s \0441 \100p1 \\ \077 \073 \000 é😀', 'it\'s \0441 \100p1 \\ \077 \073 \000 é😀'), (CAST(NULL AS INT), CAST(NULL AS STRING), CAST(NULL AS STRING));

-- statistics
COMPUTE STATS `shop`.`text_then`;

-- clean up
DROP TABLE IF EXISTS `shop`.`rewind_staging_0123456789abcdef`;
DROP TABLE IF EXISTS `shop`.`text_then`;

-- undo where the location turned out to hold somebody's files
ALTER TABLE `shop`.`text_then` SET TBLPROPERTIES ('EXTERNAL'='TRUE', 'external.table.purge'='FALSE');

-- swap
ALTER TABLE `shop`.`text_then` RENAME TO `shop`.`text`;

-- config check, init
SHOW DATABASES;
SHOW TABLES IN `shop`;
SELECT src.`id` AS `v0`, src.`name` AS `v1`, src.`1st-é` AS `v2` FROM `shop`.`text` src LIMIT 0;
SELECT count(*) AS `n` FROM `shop`.`text`;
EXPLAIN INSERT INTO `shop`.`text` (`id`, `name`, `1st-é`) SELECT src.`id`, src.`name`, src.`1st-é` FROM `shop`.`text` src;
