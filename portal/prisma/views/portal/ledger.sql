SELECT
  p.user_id,
  l.id,
  l.occurred_at,
  l.experience,
  l.type,
  l.magnitude,
  l.awarded
FROM
  (
    public.players p
    CROSS JOIN LATERAL ledger_of(p.user_id) l(
      id,
      occurred_at,
      experience,
      experience_name,
      TYPE,
      magnitude,
      awarded
    )
  )
WHERE
  p.listed;