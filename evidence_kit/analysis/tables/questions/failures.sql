-- What was refused or failed, by whom and how often.
SELECT "case", source, actor, action, src_ip, count(*) AS records, min(time) AS first, max(time) AS last
  FROM evidence
 WHERE outcome = 'failure'
 GROUP BY ALL
 ORDER BY records DESC, first
