SELECT
  (kind) :: text AS kind,
  (KEY) :: text AS KEY,
  starts_on,
  ends_on,
  closed_at,
  players
FROM
  public.periods p;