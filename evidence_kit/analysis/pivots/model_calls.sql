-- question: Which models were called, by whom, from where, and how much went through them?
-- uses: events
-- columns:
--   model: the model
--   target: in which account, project or subscription
--   region: in which region
--   actor: who called it
--   credential: with which key or session
--   src_ip: from where
--   calls: how many calls
--   failed: how many of them failed
--   tokens_in: tokens given, where the records say
--   tokens_out: tokens returned, where the records say
--   first_seen: the first call
--   last_seen: the last call
--   artifact: the file that holds the first
--   line: which record of the file
, calls AS (
    SELECT *,
        coalesce(TRY(json_extract_string(doc, '$.requestParameters.modelId')),
            TRY(json_extract_string(doc, '$.modelId')),
            TRY(json_extract_string(doc, '$.properties.modelName')), resource) AS model,
        TRY_CAST(TRY(json_extract_string(doc, '$.additionalEventData.inputTokens')) AS BIGINT) AS tokens_in,
        TRY_CAST(TRY(json_extract_string(doc, '$.additionalEventData.outputTokens')) AS BIGINT) AS tokens_out
    FROM events
    WHERE NOT starts_with(source, 'aws.bedrock.invocations')  -- tells of the same calls once more
        AND regexp_matches(
            action,
            '^(InvokeModel|InvokeModelWithResponseStream|Converse|ConverseStream|InvokeEndpoint|InvokeAgent)$|'
                || 'PredictionService\.|ChatCompletions|Completions_Create|(generate|streamGenerate)Content$'
        )
)
SELECT model, target, region, actor, credential, src_ip, count(*) AS calls, count(*) FILTER (failed) AS failed,
    sum(tokens_in)::BIGINT AS tokens_in, sum(tokens_out)::BIGINT AS tokens_out,
    arg_min(time, (time_ns, artifact, line)) AS first_seen, arg_max(time, (time_ns, artifact, line)) AS last_seen,
    arg_min(artifact, (time_ns, artifact, line)) AS artifact, arg_min(line, (time_ns, artifact, line)) AS line
FROM calls
GROUP BY model, target, region, actor, credential, src_ip
ORDER BY tokens_in DESC NULLS LAST, calls DESC, model, target, region, actor, credential, src_ip
