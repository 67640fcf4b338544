-- a session's options: those of the configuration, and a restore's own
SET MEM_LIMIT='2g';
SET TIMEZONE='Europe/Berlin';
SET SYNC_DDL=true;
SET ABORT_ON_ERROR=true;
SET DEFAULT_TRANSACTIONAL_TYPE='none';
SET ALL;

-- what the table is
REFRESH `shop`.`parquet`;
SELECT version();
SHOW CREATE TABLE `shop`.`parquet`;
DESCRIBE `shop`.`parquet`;
DESCRIBE FORMATTED `shop`.`parquet`;
SHOW TABLE STATS `shop`.`parquet`;

-- capture
SELECT src.`region` AS `v0`, src.`id` AS `v1`, src.`paid` AS `v2`, src.`ti` AS `v3`, src.`si` AS `v4`, src.`qty` AS `v5`, src.`weight` AS `v6`, src.`price` AS `v7`, src.`amount` AS `v8`, src.`label` AS `v9`, src.`note` AS `v10`, base64encode(src.`raw`) AS `v11`, src.`ts` AS `v12`, src.`day` AS `v13`, base64encode(CAST(src.`blob` AS STRING)) AS `v14` FROM `shop`.`parquet` src ORDER BY rtrim(CAST(src.`region` AS STRING)) ASC NULLS FIRST, src.`id` ASC NULLS FIRST;

-- reading back
SELECT src.`region` AS `v0`, src.`id` AS `v1`, src.`paid` AS `v2`, src.`ti` AS `v3`, src.`si` AS `v4`, src.`qty` AS `v5`, src.`weight` AS `v6`, src.`price` AS `v7`, src.`amount` AS `v8`, src.`label` AS `v9`, src.`note` AS `v10`, base64encode(src.`raw`) AS `v11`, src.`ts` AS `v12`, src.`day` AS `v13`, base64encode(CAST(src.`blob` AS STRING)) AS `v14` FROM `shop`.`parquet` src;

-- what the proof relies on
SELECT CAST(murmur_hash('hello') AS STRING), CAST(fnv_hash('hello') AS STRING), CAST(murmur_hash(fnv_hash('hello')) AS STRING), CAST(murmur_hash(CAST(1 AS INT)) AS STRING), CAST(murmur_hash(CAST('1.5E0' AS DOUBLE)) AS STRING), CAST(murmur_hash(CAST('1.5E0' AS FLOAT)) AS STRING), CAST(murmur_hash(CAST('-0E0' AS DOUBLE)) AS STRING), CASE WHEN is_nan(CAST('nan' AS DOUBLE)) THEN 'nan' ELSE 'number' END, CAST(CAST(TRUE AS TINYINT) AS STRING), CAST(CAST('-0.05' AS DECIMAL(4,2)) AS STRING), from_timestamp(CAST('1400-01-01 00:00:00.000000001' AS TIMESTAMP), 'yyyy-MM-dd HH:mm:ss.SSSSSSSSS'), CAST(CAST('0001-01-01' AS DATE) AS STRING), CAST(bytes('é') AS STRING), CAST(bytes('\000') AS STRING), rtrim(CAST(CAST('ab' AS CHAR(4)) AS STRING)), coalesce(concat('0:', CAST(NULL AS STRING)), ''), CAST(sum(`x`) AS STRING) FROM (SELECT 9223372036854775807 AS `x` UNION ALL SELECT 9223372036854775807 AS `x`) two;

-- proof
SELECT count(*), coalesce(sum(murmur_hash(`image`)), 0), coalesce(sum(murmur_hash(fnv_hash(`image`))), 0) FROM (SELECT concat(coalesce(concat(CAST(bytes(rtrim(CAST(src.`region` AS STRING))) AS STRING), ':', rtrim(CAST(src.`region` AS STRING))), ''), ',', coalesce(CAST(src.`id` AS STRING), ''), ',', coalesce(CAST(CAST(src.`paid` AS TINYINT) AS STRING), ''), ',', coalesce(CAST(src.`ti` AS STRING), ''), ',', coalesce(CAST(src.`si` AS STRING), ''), ',', coalesce(CAST(src.`qty` AS STRING), ''), ',', coalesce(CASE WHEN is_nan(src.`weight`) THEN 'nan' ELSE CAST(murmur_hash(src.`weight`) AS STRING) END, ''), ',', coalesce(CASE WHEN is_nan(src.`price`) THEN 'nan' ELSE CAST(murmur_hash(src.`price`) AS STRING) END, ''), ',', coalesce(CAST(src.`amount` AS STRING), ''), ',', coalesce(concat(CAST(bytes(CAST(src.`label` AS STRING)) AS STRING), ':', CAST(src.`label` AS STRING)), ''), ',', coalesce(concat(CAST(bytes(src.`note`) AS STRING), ':', src.`note`), ''), ',', coalesce(concat(CAST(bytes(src.`raw`) AS STRING), ':', src.`raw`), ''), ',', coalesce(from_timestamp(src.`ts`, 'yyyy-MM-dd HH:mm:ss.SSSSSSSSS'), ''), ',', coalesce(CAST(src.`day` AS STRING), ''), ',', coalesce(concat(CAST(bytes(CAST(src.`blob` AS STRING)) AS STRING), ':', CAST(src.`blob` AS STRING)), ''), ',') AS `image` FROM `shop`.`parquet_then` src) images;

-- restore: staging
CREATE EXTERNAL TABLE `shop`.`rewind_staging_0123456789abcdef` (`region` STRING, `id` BIGINT, `paid` BOOLEAN, `ti` INT, `si` INT, `qty` INT, `weight` FLOAT, `price` DOUBLE, `amount` DECIMAL(38,10), `label` STRING, `note` STRING, `raw` BINARY, `ts` STRING, `day` DATE, `blob` BINARY) STORED AS AVRO LOCATION 'file:///data/staging/rewind-0123456789abcdef' TBLPROPERTIES ('external.table.purge'='FALSE', 'rewind.restore'='1790000000000000');

-- restore: the new table
CREATE EXTERNAL TABLE `shop`.`parquet_then` (`region` CHAR(2) COMMENT "the customer's region", `id` BIGINT, `paid` BOOLEAN, `ti` TINYINT, `si` SMALLINT, `qty` INT, `weight` FLOAT, `price` DOUBLE, `amount` DECIMAL(38,10), `label` VARCHAR(20), `note` STRING, `raw` STRING, `ts` TIMESTAMP, `day` DATE, `blob` BINARY) SORT BY ZORDER (`region`, `id`) COMMENT 'orders, as they come' STORED AS PARQUET TBLPROPERTIES ('parquet.compression'='SNAPPY', 'rewind.restore'='1790000000000000');
SELECT 1 AS `one` FROM `shop`.`parquet_then` LIMIT 1;

-- restore: rows
INSERT INTO `shop`.`parquet_then` SELECT CAST(src.`region` AS CHAR(2)), src.`id`, src.`paid`, CAST(src.`ti` AS TINYINT), CAST(src.`si` AS SMALLINT), src.`qty`, src.`weight`, src.`price`, src.`amount`, CAST(src.`label` AS VARCHAR(20)), src.`note`, CAST(src.`raw` AS STRING), CAST(src.`ts` AS TIMESTAMP), src.`day`, src.`blob` FROM `shop`.`rewind_staging_0123456789abcdef` src;

-- without staging
INSERT INTO `shop`.`parquet_then` VALUES (CAST('eu' AS CHAR(2)), CAST('-9223372036854775808' AS BIGINT), TRUE, CAST(1 AS TINYINT), CAST(1 AS SMALLINT), CAST(1 AS INT), CAST('-0E+00' AS FLOAT), CAST('nan' AS DOUBLE), CAST('-0.0000000001' AS DECIMAL(38,10)), CAST('it\'s \0441 \100p1 \\ \077 \073 \000 é😀' AS VARCHAR(20)), 'it\'s \0441 \100p1 \\ \077 \073 \000 é😀', base64decode('aXQncyAkMSBAcDEgXCA/IDsgACDDqfCfmIA='), CAST('1400-01-01 00:00:00.000000001' AS TIMESTAMP), CAST('1970-01-02' AS DATE), CAST(base64decode('AP8/') AS BINARY)), (CAST(NULL AS CHAR(2)), CAST(NULL AS BIGINT), CAST(NULL AS BOOLEAN), CAST(NULL AS TINYINT), CAST(NULL AS SMALLINT), CAST(NULL AS INT), CAST(NULL AS FLOAT), CAST(NULL AS DOUBLE), CAST(NULL AS DECIMAL(38,10)), CAST(NULL AS VARCHAR(20)), CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS TIMESTAMP), CAST(NULL AS DATE), CAST(NULL AS BINARY));

-- statistics
COMPUTE STATS `shop`.`parquet_then`;

-- clean up
DROP TABLE IF EXISTS `shop`.`rewind_staging_0123456789abcdef`;

-- undo: an external table's files would stay behind
TRUNCATE TABLE `shop`.`parquet_then`;
DROP TABLE IF EXISTS `shop`.`parquet_then`;

-- swap
ALTER TABLE `shop`.`parquet_then` RENAME TO `shop`.`parquet`;

-- config check, init
SHOW DATABASES;
SHOW TABLES IN `shop`;
SELECT src.`region` AS `v0`, src.`id` AS `v1`, src.`paid` AS `v2`, src.`ti` AS `v3`, src.`si` AS `v4`, src.`qty` AS `v5`, src.`weight` AS `v6`, src.`price` AS `v7`, src.`amount` AS `v8`, src.`label` AS `v9`, src.`note` AS `v10`, base64encode(src.`raw`) AS `v11`, src.`ts` AS `v12`, src.`day` AS `v13`, base64encode(CAST(src.`blob` AS STRING)) AS `v14` FROM `shop`.`parquet` src LIMIT 0;
SELECT count(*) AS `n` FROM `shop`.`parquet`;
EXPLAIN INSERT INTO `shop`.`parquet` (`region`, `id`, `paid`, `ti`, `si`, `qty`, `weight`, `price`, `amount`, `label`, `note`, `raw`, `ts`, `day`, `blob`) SELECT src.`region`, src.`id`, src.`paid`, src.`ti`, src.`si`, src.`qty`, src.`weight`, src.`price`, src.`amount`, src.`label`, src.`note`, src.`raw`, src.`ts`, src.`day`, src.`blob` FROM `shop`.`parquet` src;
