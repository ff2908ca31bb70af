-- question: Which data was read, by whom and how much of it?
-- uses: events
-- parameters:
--   since: {type: time, default: "1970-01-01T00:00:00Z", help: from when}
--   until: {type: time, default: "2262-01-01T00:00:00Z", help: "until when, not included"}
-- columns:
--   container: the bucket, container, table or secret
--   actor: who read
--   credential: with which key or session
--   src_ip: from where
--   reads: how many reads were recorded
--   objects: how many different objects
--   bytes: how much was sent, where the records say; nothing where none does
--   unsized: how many of the reads say no size
--   first_seen: the first read
--   last_seen: the last read
--   artifact: the file that holds the first
--   line: which record of the file
, reads AS (
    SELECT *,
        coalesce(
            TRY(json_extract_string(doc, '$.requestParameters.bucketName')),
            TRY(json_extract_string(doc, '$.requestParameters.tableName')),
            TRY(json_extract_string(doc, '$.requestParameters.secretId')),
            TRY(json_extract_string(doc, '$.resource.labels.bucket_name')),
            TRY(json_extract_string(doc, '$.properties.accountName')),
            resource
        ) AS container,
        coalesce(TRY(json_extract_string(doc, '$.requestParameters.key')), resource) AS object,
        TRY_CAST(coalesce(
            TRY(json_extract_string(doc, '$.additionalEventData.bytesTransferredOut')),
            TRY(json_extract_string(doc, '$.responseBodySize')),
            TRY(json_extract_string(doc, '$.properties.responseBodySize')),
            TRY(json_extract_string(doc, '$.ResponseBodySize'))
        ) AS BIGINT) AS size
    FROM events
    WHERE NOT failed AND time_ns >= $since::BIGINT AND time_ns < $until::BIGINT
        AND regexp_matches(
            action,
            '(^|[./:])(GetObject|SelectObjectContent|CopyObject|GetBlob|GetFile|ReadFile|GetSecretValue|AccessSecretVersion|'
                || 'SecretGet|GetItem|BatchGetItem|Scan|GetQueryResults|MailItemsAccessed|FileDownloaded|FileAccessed)$|'
                || 'objects\.get$|GET\.OBJECT$|tabledata\.list$|InsertJob$',
            'i'
        )
)
SELECT container, actor, credential, src_ip, count(*) AS reads, count(DISTINCT object) AS objects,
    sum(size)::BIGINT AS bytes, count(*) FILTER (size IS NULL) AS unsized,
    arg_min(time, (time_ns, artifact, line)) AS first_seen, arg_max(time, (time_ns, artifact, line)) AS last_seen,
    arg_min(artifact, (time_ns, artifact, line)) AS artifact, arg_min(line, (time_ns, artifact, line)) AS line
FROM reads
GROUP BY container, actor, credential, src_ip
ORDER BY bytes DESC NULLS LAST, reads DESC, container, actor, credential, src_ip
