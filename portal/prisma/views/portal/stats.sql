SELECT
  total() AS players,
  COALESCE(
    sum(f.value) FILTER (
      WHERE
        (
          ((f.what) :: text = 'points' :: text)
          AND (f.day = t.day)
        )
    ),
    (0) :: numeric
  ) AS points_today,
  COALESCE(
    sum(f.value) FILTER (
      WHERE
        ((f.what) :: text = 'points' :: text)
    ),
    (0) :: numeric
  ) AS points_week,
  (
    COALESCE(
      sum(f.value) FILTER (
        WHERE
          ((f.what) :: text = 'promotions' :: text)
      ),
      (0) :: numeric
    )
  ) :: bigint AS promotions_week,
  (
    COALESCE(
      sum(f.value) FILTER (
        WHERE
          (
            ((f.what) :: text = 'active' :: text)
            AND (f.day = t.day)
          )
      ),
      (0) :: numeric
    )
  ) :: bigint AS active_today,
  COALESCE(
    to_timestamp(
      (
        max(f.value) FILTER (
          WHERE
            ((f.what) :: text = 'asOf' :: text)
        )
      ) :: double precision
    ),
    NOW()
  ) AS as_of
FROM
  (
    (
      SELECT
        ((NOW() AT TIME ZONE 'UTC' :: text)) :: date AS DAY
    ) t
    LEFT JOIN public.daily_figures f ON (
      (
        (
          f.day >= (
            date_trunc('week' :: text, (t.day) :: timestamp WITH time zone)
          ) :: date
        )
        AND (f.day <= t.day)
        AND (
          (f.what) :: text = ANY (
            (
              ARRAY ['points'::character varying, 'promotions'::character varying, 'active'::character varying, 'asOf'::character varying]
            ) :: text []
          )
        )
      )
    )
  );