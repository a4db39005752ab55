SELECT
  p.user_id,
  d.day,
  d.awarded,
  d.kos,
  d.wos,
  d.balance
FROM
  (
    public.players p
    CROSS JOIN LATERAL (
      SELECT
        a.day,
        sum(a.awarded) AS awarded,
        (sum(a.kos)) :: bigint AS kos,
        (sum(a.wos)) :: bigint AS wos,
        max(a.balance) AS balance
      FROM
        (
          SELECT
            d_1.day,
            d_1.awarded,
            d_1.kos,
            d_1.wos,
            NULL :: numeric AS balance
          FROM
            (
              public.experience_points e
              JOIN public.daily_points d_1 ON (
                (
                  (d_1.player_id = e.player_id)
                  AND ((d_1.origin) :: text = (e.origin) :: text)
                )
              )
            )
          WHERE
            (
              (e.player_id = p.id)
              AND e.counted
            )
          UNION
          ALL
          SELECT
            b.day,
            0,
            0,
            0,
            b.balance
          FROM
            public.daily_balances b
          WHERE
            (b.player_id = p.id)
        ) a
      GROUP BY
        a.day
    ) d
  )
WHERE
  p.listed;