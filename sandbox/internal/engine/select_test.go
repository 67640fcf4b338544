package engine

import "testing"

// Expressions and the one row that each gives in Impala.
var expressions = []struct{ sql, want string }{
	{`1, -1, 128, 2147483648, 1.5, -0.05`, `1|-1|128|2147483648|1.5|-0.05`},
	{`'it\'s', 'it''s', '\\', '\077', '\u00e9', "a"`, `it's|it|\|?|é|a`},
	{`1 + 2, 7 / 2, 7 DIV 2, 7 % 3, -7 % 3, 2 * 3.5`, `3|3.5|3|1|-1|7.0`},
	{`127 + 1, 9223372036854775807 + 1`, `128|-9223372036854775808`},
	{`1.0 / 3, CAST(1 AS DECIMAL(38,10)) / 3`, `0.333333|0.3333333333`},
	{`NULL IS NULL, 1 IS NOT NULL, NULL <=> NULL, 1 <=> NULL`, `true|true|true|false`},
	{`1 IS DISTINCT FROM NULL, 1 IS NOT DISTINCT FROM 1`, `true|true`},
	{`true AND NULL, false AND NULL, true OR NULL, NOT NULL`, `NULL|false|true|NULL`},
	{`1 BETWEEN 0 AND 2, 3 NOT IN (1, 2), 'abc' LIKE 'a%', 'a_c' LIKE 'a\_c', 'abc' RLIKE 'b'`, `true|true|true|true|true`},
	{`CASE WHEN 1 > 2 THEN 'x' ELSE 'y' END, CASE 3 WHEN 3 THEN 'three' END, CASE WHEN false THEN 1 END`, `y|three|NULL`},
	{`if(true, 1, 2), nvl(NULL, 'd'), coalesce(NULL, NULL, 3), nullif(1, 1)`, `1|d|3|NULL`},
	{`CAST('nan' AS DOUBLE), CAST('-inf' AS DOUBLE), CAST('inf' AS FLOAT), CAST('x' AS DOUBLE)`, `NaN|-Inf|+Inf|NULL`},
	{`CAST('nan' AS DOUBLE) = CAST('nan' AS DOUBLE), CAST('-0' AS DOUBLE) = 0.0E0, is_nan(CAST('nan' AS FLOAT)), is_inf(CAST('inf' AS DOUBLE))`, `false|true|true|true`},
	{`CAST(1.1 AS FLOAT)`, `1.100000023841858`},
	{`CAST(300 AS TINYINT), CAST('12' AS INT), CAST('1x' AS INT), CAST(' 7 ' AS BIGINT)`, `44|12|NULL|7`},
	{`CAST('ab' AS CHAR(4)), CAST('abcdef' AS VARCHAR(3)), length(CAST('ab' AS CHAR(4))), bytes(CAST('ab' AS CHAR(4)))`, `ab  |abc|2|4`},
	{`rtrim(CAST(CAST('ab' AS CHAR(4)) AS STRING)), concat('[', CAST(CAST('ab' AS CHAR(4)) AS STRING), ']')`, `ab|[ab  ]`},
	{`CAST('ab' AS CHAR(4)) = 'ab'`, `true`},
	{`CAST(true AS STRING), CAST(CAST(true AS TINYINT) AS STRING), CAST('false' AS BOOLEAN), CAST('maybe' AS BOOLEAN)`, `1|1|false|NULL`},
	{`CAST(-0.05 AS DECIMAL(2,2)), CAST(CAST(-0.05 AS DECIMAL(2,2)) AS STRING), CAST('1.005' AS DECIMAL(5,2)), CAST(2.5 AS INT)`, `-0.05|-0.05|1.01|3`},
	{`CAST(99999999999999999999999999999999999999 AS DECIMAL(38,0)), CAST('-1e3' AS DECIMAL(10,1))`, `99999999999999999999999999999999999999|-1000.0`},
	{`CAST('2024-02-29 12:34:56.789' AS TIMESTAMP), CAST('1400-01-01' AS TIMESTAMP), CAST('9999-12-31 23:59:59.999999999' AS TIMESTAMP)`, `2024-02-29 12:34:56.789000000|1400-01-01 00:00:00|9999-12-31 23:59:59.999999999`},
	{`CAST('1399-12-31' AS TIMESTAMP), CAST('10000-01-01' AS TIMESTAMP), CAST('no' AS TIMESTAMP)`, `NULL|NULL|NULL`},
	{`from_timestamp(CAST('1400-01-01 00:00:00.000000001' AS TIMESTAMP), 'yyyy-MM-dd HH:mm:ss.SSSSSSSSS'), from_timestamp(CAST('2020-01-02' AS TIMESTAMP), 'yy/M/d')`, `1400-01-01 00:00:00.000000001|20/1/2`},
	{`CAST('0001-01-01' AS DATE), CAST('9999-12-31' AS DATE), CAST(CAST('2024-03-01 10:00:00' AS TIMESTAMP) AS DATE), DATE '2020-01-01'`, `0001-01-01|9999-12-31|2024-03-01|2020-01-01`},
	{`CAST('2024-01-31' AS TIMESTAMP) + INTERVAL 1 MONTH, CAST('2024-03-01' AS DATE) - INTERVAL 1 DAY`, `2024-02-29 00:00:00|2024-02-29`},
	{`to_timestamp('2020-01-02 03:04:05.123456789', 'yyyy-MM-dd HH:mm:ss.SSSSSSSSS'), unix_micros_to_utc_timestamp(1)`, `2020-01-02 03:04:05.123456789|1970-01-01 00:00:00.000001000`},
	{`length('é'), bytes('a\0b'), upper('aé'), substr('hello', 2, 3), substr('hello', -2), reverse('abc')`, `2|3|Aé|ell|lo|cba`},
	{`trim('  a '), ltrim('xa', 'x'), rtrim('a  '), repeat('ab', 2), chr(65), lpad('7', 3, '0')`, `a|a|a|abab|A|007`},
	{`base64encode('hi?'), base64decode('aGk/'), replace('a-b', '-', '+'), instr('abc', 'c')`, `aGk/|hi?|a+b|3`},
	{`abs(-5), abs(-1.5), pmod(-7, 3), mod(7, 3)`, `5|1.5|2|1`},
	{`murmur_hash('hello'), fnv_hash('hello'), murmur_hash(CAST(0 AS INT)), fnv_hash(CAST(1 AS INT))`, `2191231550387646743|6414202926103426347|6960269033020761575|4307505193096137732`},
	{`CAST(CAST('x' AS BINARY) AS STRING), current_database()`, `x|default`},
	{`CAST(1e3 AS BIGINT), 1e-2, .5`, `1000|0.01|0.5`},
	{`'a' || 'b', concat('a', NULL)`, `ab|NULL`},
	{`EXISTS (SELECT 1 FROM (SELECT 1 AS a) x WHERE a = 1), (SELECT max(a) FROM (SELECT 5 AS a) x), 2 IN (SELECT 2)`, `true|5|true`},
}

func TestExpressions(t *testing.T) {
	_, s := open(t, Options{})
	for _, e := range expressions {
		gives(t, s, "SELECT "+e.sql, e.want)
	}
}

// The same expressions over columns, so that nothing is computed beforehand.
func TestExpressionsOverRows(t *testing.T) {
	_, s := open(t, Options{})
	must(t, s, `CREATE TABLE v (n BIGINT, f DOUBLE, d DECIMAL(10,2), s STRING, c CHAR(4), ts TIMESTAMP, day DATE, b BOOLEAN, x BINARY)`,
		`INSERT INTO v VALUES (7, 0.5, 1.25, 'hello', CAST('ab' AS CHAR(4)), '2024-02-29 01:02:03.5', '2024-02-29', true, CAST('bin' AS BINARY)),
		 (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`)
	gives(t, s, `SELECT n + 1, n DIV 2, n / 2, n % 4, -n, f * 2, d + 1, d * d, d / 3 FROM v WHERE n IS NOT NULL`, `8|3|3.5|3|-7|1|2.25|1.5625|0.416667`)
	gives(t, s, `SELECT upper(s), length(c), concat(s, '!'), CAST(ts AS STRING), CAST(day AS STRING), CAST(b AS STRING), CAST(x AS STRING), base64encode(x) FROM v WHERE s = 'hello'`,
		`HELLO|2|hello!|2024-02-29 01:02:03.500000000|2024-02-29|1|bin|Ymlu`)
	gives(t, s, `SELECT n + 1, f * 2, d + 1, upper(s), length(c), CAST(ts AS STRING), NOT b FROM v WHERE n IS NULL`, `NULL|NULL|NULL|NULL|NULL|NULL|NULL`)
	gives(t, s, `SELECT n FROM v ORDER BY n ASC NULLS FIRST`, `NULL`, `7`)
	gives(t, s, `SELECT n FROM v ORDER BY n`, `7`, `NULL`)
	gives(t, s, `SELECT n FROM v ORDER BY n DESC`, `NULL`, `7`)
	gives(t, s, `SELECT n FROM v WHERE ts = '2024-02-29 01:02:03.5' AND day > '2024-01-01' AND d = 1.250 AND f < 1`, `7`)
}

func TestQueries(t *testing.T) {
	_, s := open(t, Options{})
	must(t, s,
		`CREATE TABLE a (k INT, v STRING)`, `INSERT INTO a VALUES (1, 'one'), (2, 'two'), (3, NULL), (2, 'zwei')`,
		`CREATE TABLE b (k BIGINT, w STRING)`, `INSERT INTO b VALUES (2, 'B2'), (3, 'B3'), (4, 'B4'), (NULL, 'none')`)
	gives(t, s, `SELECT a.k, v, w FROM a JOIN b ON a.k = b.k ORDER BY a.k, v`, `2|two|B2`, `2|zwei|B2`, `3|NULL|B3`)
	gives(t, s, `SELECT a.k, w FROM a LEFT JOIN b USING (k) ORDER BY a.k, w`, `1|NULL`, `2|B2`, `2|B2`, `3|B3`)
	gives(t, s, `SELECT a.k, b.k FROM a FULL OUTER JOIN b ON a.k = b.k WHERE a.k IS NULL OR b.k IS NULL ORDER BY 1, 2`, `1|NULL`, `NULL|4`, `NULL|NULL`)
	gives(t, s, `SELECT k FROM a LEFT ANTI JOIN b ON a.k = b.k ORDER BY k`, `1`)
	gives(t, s, `SELECT a.k FROM a LEFT SEMI JOIN b ON a.k = b.k AND b.w <> 'B3' ORDER BY a.k`, `2`, `2`)
	gives(t, s, `SELECT a.k FROM a LEFT SEMI JOIN b ON a.k < b.k AND a.v IS NULL`, `3`)
	gives(t, s, `SELECT w FROM b LEFT ANTI JOIN a ON a.k IS NOT DISTINCT FROM b.k ORDER BY w`, `B4`, `none`)
	gives(t, s, `SELECT k, count(*), count(v), max(v) FROM a GROUP BY k HAVING count(*) > 0 ORDER BY k DESC`, `3|1|0|NULL`, `2|2|2|zwei`, `1|1|1|one`)
	gives(t, s, `SELECT count(*), count(DISTINCT k), sum(k), avg(k), min(v) FROM a`, `4|3|8|2|one`)
	gives(t, s, `SELECT count(*), sum(k), coalesce(sum(k), 0) FROM a WHERE false`, `0|NULL|0`)
	gives(t, s, `SELECT k + 1 AS n, count(*) c FROM a GROUP BY k + 1 ORDER BY n`, `2|1`, `3|2`, `4|1`)
	gives(t, s, `SELECT k FROM a UNION ALL SELECT k FROM b ORDER BY 1 LIMIT 3`, `1`, `2`, `2`)
	gives(t, s, `SELECT k FROM a EXCEPT SELECT k FROM b`, `1`)
	gives(t, s, `SELECT k FROM a MINUS SELECT k FROM b`, `1`)
	gives(t, s, `SELECT k FROM a INTERSECT SELECT k FROM b ORDER BY k`, `2`, `3`)
	gives(t, s, `SELECT DISTINCT k FROM a ORDER BY k DESC LIMIT 2 OFFSET 1`, `2`, `1`)
	gives(t, s, `WITH x AS (SELECT k, v FROM a WHERE k > 1) SELECT count(*) FROM x WHERE v IS NOT NULL`, `2`)
	gives(t, s, `SELECT x.n FROM (SELECT k * 10 AS n FROM a) x WHERE x.n > 10 ORDER BY n`, `20`, `20`, `30`)
	gives(t, s, `SELECT v, row_number() OVER (PARTITION BY k ORDER BY v) rn FROM a WHERE k = 2 ORDER BY v`, `two|1`, `zwei|2`)
	gives(t, s, `SELECT k FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.k = a.k) AND v LIKE 't%'`, `2`)
	gives(t, s, `SELECT CASE WHEN k = 1 THEN 'x' ELSE v END AS v FROM a WHERE k = 1 ORDER BY v`, `x`)
	gives(t, s, `VALUES (1, 'a'), (2, 'b')`, `1|a`, `2|b`)
	gives(t, s, `SELECT * FROM (VALUES (1 AS p, 'a' AS q), (200, 'b')) t WHERE p > 1`, `200|b`)
	gives(t, s, `SELECT a.*, b.w FROM a, b WHERE a.k = b.k AND a.k = 3`, `3|NULL|B3`)
	gives(t, s, `SELECT CAST(sum(x) AS STRING) FROM (SELECT 9223372036854775807 AS x UNION ALL SELECT 9223372036854775807) y`, `-2`)
	gives(t, s, `SELECT base64encode(v) AS e FROM a WHERE k = 1 ORDER BY a.v`, `b25l`)
}

func TestRefusals(t *testing.T) {
	_, s := open(t, Options{})
	must(t, s, `CREATE TABLE p (k INT, v STRING) STORED AS PARQUET`, `CREATE VIEW w AS SELECT k FROM p`)
	for _, c := range []struct{ sql, message string }{
		{`SELEC 1`, `Encountered: SELEC`},
		{`SELECT 1 FROM nowhere`, `Could not resolve table reference: 'default.nowhere'`},
		{`SELECT nothing FROM p`, `Could not resolve column/field reference: 'nothing'`},
		{`SELECT date FROM p`, `a reserved word: date`},
		{`SELECT 'open`, `Unmatched string literal`},
		{`SELECT X'00'`, `Could not resolve column/field reference: 'x'`},
		{`SELECT k, count(*) FROM p`, `missing from GROUP BY`},
		{`SELECT 1 + 'a'`, `Arithmetic operation requires numeric operands`},
		{`SELECT 1 = 'a'`, `not comparable`},
		{`SELECT CAST('x' AS ARRAY<INT>)`, `Complex types are not supported`},
		{`SELECT CAST(1000 AS DECIMAL(3,0))`, `Decimal expression overflowed`},
		{`SELECT CAST('2020-13-01' AS DATE)`, `String to Date parse failed`},
		{`SELECT nosuch(1)`, `nosuch() unknown`},
		{`UPDATE p SET v = 'x'`, `Impala only supports modifying Kudu tables`},
		{`DELETE FROM p`, `Impala only supports modifying Kudu tables`},
		{`UPSERT INTO p VALUES (1, 'a')`, `UPSERT is only supported for Kudu tables`},
		{`INSERT INTO p VALUES ('a', 'b')`, `is not compatible with column 'k' (type: INT)`},
		{`INSERT INTO p VALUES (9999999999, 'b')`, `Possible loss of precision`},
		{`INSERT INTO p VALUES (1)`, `columns than the SELECT / VALUES clause`},
		{`INSERT INTO w VALUES (1)`, `views`},
		{`CREATE TABLE p (k INT)`, `Table already exists: default.p`},
		{`DROP TABLE nowhere`, `Could not resolve table reference`},
		{`DROP TABLE w`, `DROP TABLE not allowed on a view`},
		{`DROP VIEW p`, `DROP VIEW not allowed on a table`},
		{`USE nowhere`, `Database does not exist: nowhere`},
		{`SET NONSENSE=1`, `Invalid query option`},
		{`CREATE TABLE kudu1 (k INT) STORED AS KUDU`, `A primary key is required`},
		{`SELECT * FROM p FOR SYSTEM_TIME AS OF now()`, `SYSTEM_TIME`},
		{`MERGE INTO p USING w`, `Encountered: MERGE`},
	} {
		fails(t, s, c.sql, c.message)
	}
}
