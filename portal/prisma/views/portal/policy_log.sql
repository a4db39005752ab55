SELECT
  id,
  number,
  (version) :: text AS version,
  activated_at,
  document,
  changes
FROM
  public.policy_activations a;