-- Everything that one credential did: --param key=AKIA…
SELECT time, "case", source, action, actor, src_ip, resource, outcome, artifact, line
  FROM evidence
 WHERE credential = $key
 ORDER BY time_ns NULLS LAST, artifact, line
