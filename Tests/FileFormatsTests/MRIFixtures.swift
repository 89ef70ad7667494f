// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport

/// Files packed by gzip, in base64, made by h5py 3.16.0 and ismrmrd-python 1.15.0.
enum MRIFixture {
  /// As fastMRI's multi-coil volumes: complex64 n + (47 − n) i, n = 0 … 47, of (2, 2, 3, 4); a boolean mask 1, 0, 1, 1; float32 images
  /// n/4 of (2, 2, 2); four attributes; a header.
  static let fastMRI = """
    H4sIAAAAAAACA+1ZPUzbQBQ+2wk1P1WNhMqPKtWNGDJQklYZoirkhxKaSlAQUIkNosQiFo2T2qbQqRnpFqkMjBk6oE4MHRhRJ8Z268jYsWOHSvSd7x1JLBLoUpX2Punp
    s+/ee7738u4cPb/Nzcze7BvrIxSqSgJEI604Q3y8137P59eRJeRd5AOZj/d4cyM4rqH/92PsPo6GK0vZLNU+84E/JxpgHCYC/yNy2cwi5VW8TyOfyO16plO2y3ZxrWTk
    i4ZNyKZTzRcMQsp5Z5PO20ahYjmuvVVwzYq1ZjtOe/2O+J4rkSCbk/i92qavgAW9HpUkr7K18zmmFwSm97LMhlV8gsId+fYbIft/9e+w/GxhRoJTAhdPdKW7Ps/nTrC7
    no5c7+mux/f/3uj1rmeaQ1oQ6nld5RgH2AAva/m8zhgCvvFO8wqpef5vy6wS7Suua1C/iz50MqyS4Td0T/l8/45ts/5lX/1rWBo1qft+Y2qSJLWtoRlnmL1fZGaiqc39
    N5uZW85675bnWb5pO6+nPnpxlDv/9LlaxJzxlD95vDAntRxLUoseRSK1U36hvzJsB47PqdCDyWgolUzgqZvzDl0dNCxnKlRy3eqjSGR7e3vSm5+s2BuRp8vzS/NLM6Fk
    wrAKlaJpbUSSiUibfbK1rvmvkVldedha573IzmvLLRmuWfDFlb4l3pkCAgICAgICAgICAgICAt2RmCakliIkPk28VmsMOA0cpePAE8AN4DDwMfA48CmwTvUzhNwB1oBH
    gHXgIeAosEb9AA8ALwKrwOvAAeAqMKH+gX+A7IJ8B6mDfAPZBzkFaYB8BTkA+QxyCHICcgRyjHKEY4eoc4A2DfSxjz7r+IxdfGYN11DFNa3jGhdxzWmMIYox6RijhjHT
    2HXMxTjmJoy5msDcRTGXMcxtHHNNc077LbTT5e+BxRkrF/cGL2Peo76oP0fRuSe2h199dF99lP5oNQ5iM8r/bWmA90zhaghWnS+83DIdkzb2vfFOPXne06K54L0v2fOH
    eYYZ6q+cZ72/QT2FlmkS6yexM4W0+WH4mWraBz17q2KXr2J//9O7L9qHG+lmPP2efTXvmoblrpnYfLssnt6WeBRxiAkICAhcU9TodxD4X5BOsf8HDZBjkNPUL6M8IV60
    IQAA
    """
  /// As its single-coil volumes: the first coil of the same, in chunks of a slice, compressed; `reconstruction_esc`.
  static let fastMRISingleCoil = """
    H4sIAAAAAAACA+v0cHHj5ZLiYgABDg4GFgYBBmTwHwqYVFH5MPkEKM0IpTug9AommDgjWE4CKi4INR9dXUiQqytI9X80ALPHgAVCKzCMgpEIPFwdA0B0BJRvAaVPMKGq
    yyzOLcotSonPSE1MSS1iYMguLkhMTmVgKEpNzs8rLikqTS7JzM+LTy1ORk23uNIVIwMrRA0jjM+Boo8ZmLJBbElGRnDKFoDLQdSxAmkQn4kJIswBzQnMMIPQ8hsDw4xB
    HQ/Bfv4ujEBfc8DCjRm/eli+r2DFrw4W/hvYRkZ6hqUrDXi6gqRoRmaIABM8fUEAtPjDKc7M0AA2T4wJkvKKiHSHoII81AwFBnEOBvF6UB5CM5sUvfD0zswE9gg3UA7E
    YETKP6AaISU1LSexJBVuBwc0BTAzsQhIILImM9QZHLjzI/ZwI5aG5V9sfkHNv0xo+feRCvaSI2NIpcMUUAnEgQhwd2d/H0akYokRSR0I2NhX5OYolKUWFQOLUVslQz0D
    JXs7G2ip6wEudBWAKvKKbZUySkoKrPT1y8vL9cDyevlF6fqewb5BvkEuSnY2qXnJ+SmZeen6djb6KPrtkN1XwT9a942CUTAKRsEoGAWjYBSMglEwCkbBKBgF1AagcXhG
    BiaMcXhvIvUHQEdF3BlQxw9wgdkqqHzEuCoEIMaHRsEoGAWjYBSMglEwCkbBKBgFgw1UxCUnMDBKq7O1sVWzsXErnH1w4EAC0xLZhi2MHjIerxlesjpEMXvIM1zScvjF
    OCGMYWV5SsIExktMDlFMHtoMmYIKuQxLWOcwGJRyt1TE8R5dKOkQIMFwwJ6jaaGNsMRBDjcB10CReBEgAULi73Z32LrmyKyZk6InlpcmpxbnZse2qPNF7I7il9emvv7C
    rCUhHApxVwNoVtGegcEBiBuAeAEQHwDiB/YAkkFTFwIlAAA=
    """
  /// 8 × 4 points, of which the rows 0 to 2 around the centre 1 were measured; 300 × 200 × 5 mm; 4 × 4 points and 150 mm are wanted.
  /// Sample k of line l, slice s and coil c is 100 s + 10 l + c + k i, but not measured for s = 1, l = 0, measured again as a second
  /// average of three times that for s = 0, l = 1, and as a second repetition of seven times that for s = 0, l = 2. One line of noise.
  static let ismrmrd = """
    H4sIAAAAAAACA+1ZzW8bRRTf9UfqWqUKdUUpl1oWKqUq8bofUMHWtdukBKmlKKkQt+12PUmWetfu7rpxcsHHcssfwMFHCwGqOCCkXiJOnBDnClk5cbZ8rJDKfLzZj7Ed
    Glo1kbxPsn47897vzZu3b8c7s98uzt94I/tOViKSyUgpaVYKy3OQ5oVom+vvAsqAjwB7Cd4vU93b0P8m+Bft7iwtLBDr54LwcXbSDDNSLNMoiwvVLwh+BW1epb8nonY1
    3dNd5Pn1uPiS406q38Uka6+lX6x+L2fi+o3rN6hfXk+P0lG7tlX36zi8rlb+57jLn9+eJxXM6y6fjK7XYh3HMmkdSLOcybzN7qAsy5F8ckxiPbk+KbO1atbXsTuRxkja
    iQTrzoC/pNw5HF3hJOGf9WAIq6uEH+XWyd3tef2dORTXUlh+xM/f1uGgdj69fvumHLr9csiOiHoVrxD5h8hxzYZ9pVCaUwp5ZBuNmmmvXinormGahavlrGq6lmM5tUWk
    15CTxxzbvVJY87zmx8Xi+vr6HNXPNZzV4mfLt5ZuLc0Xytm8itpN5JgWsj29fr1h10wPj+JiTV5dLDnIbdi6baAbDnrQwoNuaIub5Q8vXP5IwaIWJ1lgv8WJjlUePB2E
    NlBtuakbiHTkVUv3HLO9bG6ydl5tly+rxTY0NsoX1eIGNDbLJbW4yWhFgaeumKheu73ypYnWNcvyfV1QlDkl7O886wh8XiJN7nXUC56aELPqIKNh7z6Fi69wCqVLLz2F
    aMT+LblpWqbnMt59l6g1rtJcDzW1EgxhmbZptawyHoZfgkJv09Z5Mpt2SGHgSkAOmS1cseB2GUV166aBXnTA0oQBFWFA3yncx8isVc/Rv0aG13A2yobueMg1dVsthnqz
    IR5+6IqRp65MNlX89bQz9unfnGf4jGHnkwXoZ1j5jmHnCcPtpwsBhyD/PWNI+bSPIeWT/icMMT+5azydq9HXjQpgB7ALuA24Uwk4BPlPgv4KYAewC7gNuFNJjcSTrwZI
    bGi7wrAC2AHsAm4DkngU4CvAV4CvAF8BvgJ8BfgK5adH4ulWA6RzAH9d8NcFf13w1wV/XYinB/we8HvA7wG/B/we8HvA71H+zEg8f10LkPij7QrDCmAHsAu4DUji6QO/
    D/w+8PvA7wO/D/w+8PuUf2gknsG1AIm/AfgbgL8B+BuAvwH4G0A8Q+APgT8E/hD4Q+APgT8E/pDyM6PxVAOk40M+Cc5WoR+wCbgFSHKegnhSMH4KxiM4C/oKYBNwC7BX
    PTwSz5HrAZL5ErxbZdgD3AE8co3hGcB5jDng54CfA34O+Dng54CfA34O+Ewex+9dscQSSyyxxHKAz5lSbM8/M/6cib/v8PPlpNRLE81p/GLv4Ys1vPXgvk5j6h3cB6cF
    /qlSAq5W6vqqC+1Z33dFspDuthxEdutay6xJWdCzd/W85Bq6rRmNFtlHkZ6jgl43HrRMl27xNQ9v+vE2TreaknRMsGuubeC46o3VjYiZ9Bb+nSVvTHD+kQyd+XOu3bLu
    IUdrrGguJtWRCzYFYY76Q92s6/fqSDPWdNtGdTB8V7QzPPNhyOi0oAeFZunufXqOBTF2IMbZUIw8jzUTZ8qpaU0HsR2A4NPXN1yP9Hwvjkl3qjBB3PODoA+2yXTX7KAV
    FsNPgl2wYdVq5AyGFANJw2PBjg3E7kULG/xMvnfkT/k5P5GRTnyDr3C89ObyOvtlwv0ax3VwfeIoHM79bQ/c5pruohD5jz1w6UY/xH26l3F1zyTPgkfrKJj933vwYdba
    bJdDnsssq9PwaQeCsw4pVEf8voyxOy+Fntug1pGjryI6duS+krnDkhKpr4aNS4PVHl9bwnqab3yVFfod1EReqAKOiOMh5vLoSP8qWVP883De33LZOnIM8snPyjNjckFs
    NdP2Yz4uM05e5GSCtYJyVuoNHVgXJ3DG3Tfy7NDve9jwJMQyzo5/r6n9h51/7p8Uzv0Tie6p4MjX4+e+5Lsi+Xojflf0DQT58z2Gnhw9P+Yy/35UL3w+lX49G9UnBf25
    c1F9StB3P4jqxc9Kx4tR/Yz4lUOJ6sVt6z+laJvrJ+UjllhiiSWWWKZFUrtqM2P+9Q9inAdXyHsj/2b/YpmMc/4qc56cypzL+5rz1FTmPLGvOU9PcZ3L+5TzmSmu8/3K
    +aGprfPXu6aHc56Z4jp/nf+n4ZwT+BeNP810cDMAAA==
    """
}

extension Folder {
  /// Writes a packed file, unpacked.
  func unpack(_ base64: String, as name: String) throws -> String {
    try bytes(base64).write(to: URL(fileURLWithPath: file(name + ".gz")))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "gzip -dc \"$1\" > \"$2\" && rm \"$1\"", "sh", file(name + ".gz"), file(name)]
    try process.run()
    process.waitUntilExit()
    return file(name)
  }
}
