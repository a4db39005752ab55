SELECT
  (r.slug) :: text AS slug,
  (r.name) :: text AS name,
  (r.level) :: text AS LEVEL,
  (r."position") :: integer AS "position",
  (r.role) :: integer AS role,
  r.min_points,
  r.min_time_days,
  r.required_recommendations,
  r.privileged,
  (
    NOT (
      r.ignored
      OR r.retired
    )
  ) AS on_ladder,
  r.retired,
  (r.description) :: text AS description,
  (r.colour) :: text AS colour,
  COALESCE(c.players, 0) AS players
FROM
  (
    public.ranks r
    LEFT JOIN public.rank_counts c ON ((c.rank_id = r.id))
  )
WHERE
  (NOT r.is_punishment);