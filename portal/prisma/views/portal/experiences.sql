SELECT
  (KEY) :: text AS KEY,
  (name) :: text AS name
FROM
  public.experiences e;