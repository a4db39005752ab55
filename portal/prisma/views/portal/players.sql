SELECT
  p.user_id,
  (p.username) :: text AS username,
  (p.display_name) :: text AS display_name,
  p.points,
  (r.slug) :: text AS rank_slug,
  (r.name) :: text AS rank,
  (r.level) :: text AS LEVEL,
  COALESCE(p.former_rank_since, p.rank_since) AS rank_since,
  p.kos,
  p.wos,
  p.created_at AS joined_at,
  p.synced_at
FROM
  (
    public.players p
    JOIN public.ranks r ON ((r.id = COALESCE(p.former_rank_id, p.rank_id)))
  )
WHERE
  p.listed;