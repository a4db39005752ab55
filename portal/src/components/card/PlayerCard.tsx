import type { CardTexts } from '@/lib/card/texts';

type Props = { site: string; colour: string; texts: CardTexts };

const barWidth = 1072;

/**
 * A picture of a player for link previews, 1200 by 630. `next/og` draws it: each element with more
 * than one child needs `flex`, and a text is one template string.
 */
export function PlayerCard({ site, colour, texts }: Props) {
  return (
    <div tw="flex flex-col w-full h-full bg-[#12151c] text-[#f2f4f8] p-16">
      <div tw="flex items-center justify-between text-[30px] text-[#a9b2c3]">
        <div tw="flex font-bold">{site}</div>
        <div tw="flex font-bold">{texts.position}</div>
      </div>
      <div tw="flex items-center mt-14">
        <div
          tw={`flex shrink-0 items-center justify-center w-[150px] h-[150px] rounded-full text-[80px] font-bold text-[#12151c] bg-[${colour}]`}
        >
          {texts.initial}
        </div>
        <div tw="flex flex-col ml-10">
          <div tw={`flex text-[${nameSize(texts.name)}px] font-bold leading-none`}>
            {texts.name}
          </div>
          <div tw="flex mt-4 text-[32px] text-[#a9b2c3]">{texts.username}</div>
        </div>
      </div>
      <div tw="flex items-center mt-14 text-[44px] font-bold">
        <div tw={`flex text-[${colour}]`}>{texts.rank}</div>
        <div tw="flex ml-auto">{texts.points}</div>
      </div>
      <Progress colour={colour} texts={texts} />
      <div tw="flex items-center justify-between mt-6 text-[32px] text-[#a9b2c3]">
        <div tw="flex">{texts.next || texts.better}</div>
        <div tw="flex">{texts.next ? texts.when || texts.better : ''}</div>
      </div>
    </div>
  );
}

function Progress({ colour, texts }: Pick<Props, 'colour' | 'texts'>) {
  if (texts.progress === null) return <div tw="flex h-[22px] mt-8" />;
  const filled = Math.round(barWidth * texts.progress);
  return (
    <div tw={`flex mt-8 w-[${barWidth}px] h-[22px] rounded-full bg-[#2a3040]`}>
      <div tw={`flex w-[${filled}px] h-[22px] rounded-full bg-[${colour}]`} />
    </div>
  );
}

/** Height of the letters that leaves room for the widest name. */
function nameSize(name: string): number {
  return [...name].length > 14 ? 44 : 68;
}
