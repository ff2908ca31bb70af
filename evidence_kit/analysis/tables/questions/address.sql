-- Everything that came from one address: --param ip=203.0.113.7
SELECT time, "case", source, action, actor, credential, resource, outcome, artifact, line
  FROM evidence
 WHERE src_ip = $ip
 ORDER BY time_ns NULLS LAST, artifact, line
