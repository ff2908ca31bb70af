-- Who acted, from how many addresses, when first and last.
SELECT "case", source, actor, count(*) AS records, count(DISTINCT src_ip) AS addresses,
       min(time) AS first, max(time) AS last
  FROM evidence
 WHERE actor IS NOT NULL
 GROUP BY ALL
 ORDER BY records DESC, actor
