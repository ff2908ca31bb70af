-- What there is of each source, and how much of it carries a time and an actor.
SELECT "case", source, count(*) AS records, count(time) AS timed, count(actor) AS acted,
       min(time) AS first, max(time) AS last
  FROM evidence
 GROUP BY ALL
 ORDER BY "case", source
